import { Readable } from "node:stream";
import { type CsvError, parse } from "csv-parse";
import { type TenantKind, type TenantLine, tenantLine } from "./tenant-line.ts";

/** Guards against a quote that is never closed: the parser would take the rest of the file for one value. */
const LONGEST_RECORD = 1024 * 1024;
const OWN_COLUMNS: Readonly<Record<TenantKind, readonly string[]>> = {
  organizations: ["id", "name"],
  customers: ["id", "organizationId", "name"],
};

/** One record as the parser gives it when it is asked for `info` too. */
interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * The tenants of a CSV file whose first line names the columns: id, name, for customers organizationId; any other
 * column becomes an attribute of that name. Empty values count as absent.
 */
export async function* readCsvLines(
  source: AsyncIterable<Uint8Array>,
  kind: TenantKind,
): AsyncGenerator<TenantLine> {
  const flaws: { line: number; flaw: string; last: boolean }[] = [];
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_RECORD,
    skip_records_with_error: true,
    on_skip: (error) => void flaws.push(flawOf(error)),
  });
  const input = Readable.from(source);
  input.on("error", (error) => parser.destroy(error));
  input.pipe(parser);
  try {
    let columns: readonly string[] | undefined;
    for await (const item of parser) {
      const { record, info }: CsvRecord = item;
      // The parser is ahead of what is read from it: flaws are told where they stand among the records.
      while (flaws[0] !== undefined && flaws[0].line <= info.lines) {
        const [flaw] = flaws.splice(0, 1);
        if (flaw !== undefined) yield flaw;
        if (flaw?.last) return;
      }
      if (columns === undefined) {
        columns = record.map((name) => name.trim());
        const flaw = headerFlaw(columns, kind);
        if (flaw === undefined) continue;
        yield { line: info.lines, flaw, last: true };
        return;
      }
      yield csvLine(info.lines, kind, columns, record);
    }
    yield* flaws;
  } finally {
    input.destroy();
    parser.destroy();
  }
}

function headerFlaw(columns: readonly string[], kind: TenantKind): string | undefined {
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  if (twice !== undefined) return `The column ${JSON.stringify(twice)} is there twice.`;
  if (columns.includes("")) return "A column has no name.";
  if (columns.includes("id")) return undefined;
  return `The first line must name the columns, "id" among them (${OWN_COLUMNS[kind].join(", ")}, and any attributes).`;
}

function csvLine(
  line: number,
  kind: TenantKind,
  columns: readonly string[],
  values: readonly string[],
): TenantLine {
  if (values.length !== columns.length) {
    return { line, flaw: `${values.length} values for ${columns.length} columns.` };
  }
  const given = columns
    .map((name, index) => [name, values[index] ?? ""] as const)
    .filter(([, value]) => value !== "");
  const own = given.filter(([name]) => OWN_COLUMNS[kind].includes(name));
  const attributes = given.filter(([name]) => !OWN_COLUMNS[kind].includes(name));
  return tenantLine(line, kind, {
    ...Object.fromEntries(own),
    ...(attributes.length === 0 ? {} : { attributes: Object.fromEntries(attributes) }),
  });
}

/** After a broken quote the parser may have swallowed good lines with the bad one. */
function flawOf(error: CsvError | undefined): { line: number; flaw: string; last: boolean } {
  const line = Number(error?.["lines"] ?? 0);
  if (error?.code === "INVALID_OPENING_QUOTE") {
    return {
      line,
      flaw: 'A quote inside a value: put the value in quotes and write "" for each.',
      last: false,
    };
  }
  const flaw = `Broken quotes: ${error?.message ?? "unknown"}. Nothing after this can be read with certainty.`;
  return { line, flaw, last: true };
}
