import { environmentName } from "../feature-flags/core/environment.ts";
import type { OverrideMismatch, RuleViolation } from "../feature-flags/core/types.ts";
import { type Ailment, FeatureFlagManager } from "../feature-flags/index.ts";
import type { CliHost } from "./cli-host.ts";
import type { StorageOptions } from "./open-storage.ts";
import { openExistingStorage } from "./open-storage.ts";
import { printable } from "./printable.ts";

export interface DoctorOptions extends StorageOptions {
  readonly environment?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `strata doctor`: every stored override that does not fit the definition. Exit code 1 if there is any. */
export async function doctor(options: DoctorOptions, host: CliHost): Promise<number> {
  const storage = await openExistingStorage(options, host);
  const environment = options.environment ?? environmentName(host.env);
  const manager = new FeatureFlagManager({ storage, environment, clock: host.clock });
  try {
    const report = options.json === true ? reportAsJson : reportAsText;
    return (await report(manager.ailingOverrides(), host)) === 0 ? 0 : 1;
  } finally {
    await manager.close();
    await storage.close();
  }
}

/** One JSON document, written as it comes: there may be more findings than memory. */
async function reportAsJson(ailments: AsyncIterable<Ailment>, { out }: CliHost): Promise<number> {
  let found = 0;
  out.write('{"overrides":[');
  for await (const { tenant, version, mismatches, violations } of ailments) {
    const item = { kind: tenant.kind, id: tenant.id, version, mismatches, violations };
    out.write(`${found === 0 ? "" : ","}\n${JSON.stringify(item)}`);
    found += 1;
  }
  out.write(`],\n"count":${found}}\n`);
  return found;
}

async function reportAsText(ailments: AsyncIterable<Ailment>, { out }: CliHost): Promise<number> {
  let found = 0;
  for await (const { tenant, version, mismatches, violations } of ailments) {
    const lines = [...mismatches.map(mismatchLine), ...violations.map(violationLine)];
    out.write(`${tenant.kind} ${printable(tenant.id)} (version ${version})\n${lines.join("")}\n`);
    found += 1;
  }
  out.write(
    found === 0
      ? "Every stored override fits the definition and keeps its rules.\n"
      : `${found} stored override${found === 1 ? " needs" : "s need"} attention. ` +
          "Flags left out have their inherited value until they are set or unset anew.\n",
  );
  return found;
}

function mismatchLine({ path, layer, message }: OverrideMismatch): string {
  return `  left out     ${printable(path === "" ? "(everything)" : path)}, from ${layer}: ${printable(message)}\n`;
}

function violationLine({ path, message }: RuleViolation): string {
  return `  breaks rule  ${printable(path)}: ${printable(message)}\n`;
}
