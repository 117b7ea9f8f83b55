import type { Log } from "../../lib/feature-flags/index.ts";

export interface LoggedLine {
  readonly level: "info" | "warn" | "error";
  readonly facts: object;
  readonly message: string;
}

/** A log that keeps what it is told. */
export function recordedLog(): Log & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const level = (name: LoggedLine["level"]) => (facts: object, message: string) => {
    lines.push({ level: name, facts, message });
  };
  return { lines, info: level("info"), warn: level("warn"), error: level("error") };
}
