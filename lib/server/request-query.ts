import { FlagError } from "../feature-flags/core/errors.ts";
import type { TenantContext } from "../feature-flags/core/types.ts";

/** The tenant a URL's query names. */
export function parseContextQuery(url: string): TenantContext {
  const { customerId, organizationId } = parseQuery(url, ["customerId", "organizationId"]);
  return {
    ...(customerId === undefined ? {} : { customerId }),
    ...(organizationId === undefined ? {} : { organizationId }),
  };
}

/**
 * The parameters of a URL's query. Unknown and repeated ones are refused: a mistyped `customerid` would otherwise
 * answer for nobody in particular, and look right. Throws MALFORMED_REQUEST.
 */
export function parseQuery<Name extends string>(
  url: string,
  known: readonly Name[],
): { readonly [name in Name]?: string } {
  const query = url.split("#", 1)[0]?.split("?").slice(1).join("?") ?? "";
  requireUtf8(query);
  const found: { [name in Name]?: string } = {};
  for (const [given, value] of new URLSearchParams(query)) {
    const name = known.find((candidate) => candidate === given);
    if (name === undefined) {
      const use = known.length === 0 ? "There are none here." : `Use ${known.join(" and ")}.`;
      throw malformed(`Unknown query parameter ${JSON.stringify(given.slice(0, 64))}. ${use}`);
    }
    if (Object.hasOwn(found, name))
      throw malformed(`The query parameter ${name} is given twice. Give it once.`);
    found[name] = value;
  }
  return found;
}

/** `URLSearchParams` turns bytes that are no UTF-8 into U+FFFD, and so one id into another. */
function requireUtf8(query: string): void {
  try {
    decodeURIComponent(query);
  } catch (cause) {
    throw new FlagError("MALFORMED_REQUEST", "The query is not percent-encoded UTF-8.", { cause });
  }
}

function malformed(message: string): FlagError {
  return new FlagError("MALFORMED_REQUEST", message);
}
