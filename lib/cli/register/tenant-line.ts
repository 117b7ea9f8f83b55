import { FlagError, isFlagError } from "../../feature-flags/core/errors.ts";
import { isPlainObject } from "../../feature-flags/core/paths.ts";
import type { Attributes, CustomerRecord } from "../../feature-flags/core/storage.ts";
import { checkId } from "../../feature-flags/core/tenant-id.ts";

export type TenantKind = "organizations" | "customers";

/** One line of a file: a tenant, or what is wrong with it. */
export interface TenantLine {
  /** From 1. */
  readonly line: number;
  readonly record?: CustomerRecord | undefined;
  readonly flaw?: string | undefined;
  /** After this one, nobody can say where the next line begins. */
  readonly last?: boolean | undefined;
}

const FIELDS: Readonly<Record<TenantKind, readonly string[]>> = {
  organizations: ["id", "name", "attributes"],
  customers: ["id", "organizationId", "name", "attributes"],
};
const LONGEST_NAME = 1_000;
const CONTROL = /\p{Cc}/u;

/** The line as a tenant of this kind, if `fields` makes one. */
export function tenantLine(line: number, kind: TenantKind, fields: unknown): TenantLine {
  try {
    return { line, record: tenantRecord(kind, fields) };
  } catch (error) {
    if (!isFlagError(error)) throw error;
    return { line, flaw: error.message };
  }
}

function tenantRecord(kind: TenantKind, fields: unknown): CustomerRecord {
  if (!isPlainObject(fields)) throw refused("This is not a JSON object.");
  const unknown = Object.keys(fields).find((field) => !FIELDS[kind].includes(field));
  if (unknown !== undefined) {
    throw refused(`Unknown field ${JSON.stringify(unknown)}. The fields are ${FIELDS[kind].join(", ")}.`);
  }
  const { id } = fields;
  checkId(kind === "customers" ? "customer" : "organization", id ?? "");
  const organizationId = fields["organizationId"] ?? undefined;
  if (organizationId !== undefined) checkId("organization", organizationId);
  const name = tenantName(fields["name"] ?? undefined);
  const attributes = tenantAttributes(fields["attributes"] ?? undefined);
  return {
    id: id as string,
    ...(organizationId === undefined ? {} : { organizationId }),
    ...(name === undefined ? {} : { name }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

function tenantName(name: unknown): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name !== "string") throw refused("The name must be a string.");
  if (name.length > LONGEST_NAME) throw refused(`The name has more than ${LONGEST_NAME} characters.`);
  return storable("name", name);
}

function tenantAttributes(attributes: unknown): Attributes | undefined {
  if (attributes === undefined) return undefined;
  if (!isPlainObject(attributes)) throw refused("The attributes must be an object.");
  const entries = Object.entries(attributes).map(
    ([key, value]) => [key, attributeValue(key, value)] as const,
  );
  return Object.fromEntries(entries);
}

function attributeValue(key: string, value: unknown): Attributes[string] {
  if (typeof value === "string") return storable(`attribute ${JSON.stringify(key)}`, value);
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  throw refused(`The attribute ${JSON.stringify(key)} must be a string, number, boolean or null.`);
}

function storable(what: string, text: string): string {
  if (CONTROL.test(text)) throw refused(`The ${what} holds control characters.`);
  // What a decoder writes in place of bytes that were not UTF-8.
  if (text.includes("\ufffd"))
    throw refused(`The ${what} holds U+FFFD: the file was probably not saved as UTF-8.`);
  if (!text.isWellFormed()) throw refused(`The ${what} is not well-formed Unicode.`);
  return text;
}

function refused(message: string): FlagError {
  return new FlagError("MALFORMED_REQUEST", message);
}
