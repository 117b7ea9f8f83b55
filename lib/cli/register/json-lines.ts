import { isFlagError } from "../../feature-flags/core/errors.ts";
import { type JsonLimits, scanJson } from "../../server/json-scanner.ts";
import { type TenantKind, type TenantLine, tenantLine } from "./tenant-line.ts";

/** A tenant's line is short; without a bound, a file that is no text would be read whole as one line. */
const LONGEST_LINE = 1024 * 1024;
const LIMITS: JsonLimits = { depth: 4, keys: 1_000, keyLength: 256, stringLength: 64 * 1024 };
const NEWLINE = 0x0a;

/** The tenants of a file that holds one JSON object per line. Blank lines are passed over. */
export async function* readJsonLines(
  source: AsyncIterable<Uint8Array>,
  kind: TenantKind,
): AsyncGenerator<TenantLine> {
  let line = 0;
  for await (const bytes of splitLines(source)) {
    line += 1;
    if (bytes.length > LONGEST_LINE) {
      yield {
        line,
        flaw: `The line is over ${LONGEST_LINE} bytes. Is this a file of JSON lines?`,
        last: true,
      };
      return;
    }
    const parsed = parseLine(bytes);
    if (parsed === "blank") continue;
    yield "flaw" in parsed ? { line, flaw: parsed.flaw } : tenantLine(line, kind, parsed.fields);
  }
}

function parseLine(bytes: Uint8Array): { fields: unknown } | { flaw: string } | "blank" {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch (error) {
    if (error instanceof TypeError) return { flaw: "This is not UTF-8. Save the file as UTF-8." };
    throw error;
  }
  if (text === "") return "blank";
  try {
    scanJson(text, LIMITS);
    return { fields: JSON.parse(text) };
  } catch (error) {
    if (isFlagError(error)) return { flaw: error.message };
    if (error instanceof SyntaxError) return { flaw: "This is not valid JSON." };
    throw error;
  }
}

/** The bytes of each line without its newline; of an endless line, no more than tells that it is too long. */
async function* splitLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of source) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, end)]);
      rest = new Uint8Array();
      from = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length > LONGEST_LINE) break;
  }
  if (rest.length > 0) yield rest;
}
