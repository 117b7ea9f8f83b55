import { FlagError } from "../feature-flags/core/errors.ts";
import type { TenantContext } from "../feature-flags/core/types.ts";

/**
 * The tenant a URL's query names. Unknown and repeated parameters are refused: a mistyped `customerid` would
 * otherwise answer for nobody in particular, and look right. Throws MALFORMED_REQUEST.
 */
export function parseContextQuery(url: string): TenantContext {
  const query = url.split("#", 1)[0]?.split("?").slice(1).join("?") ?? "";
  requireUtf8(query);
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== "customerId" && name !== "organizationId") {
      throw malformed(
        `Unknown query parameter ${JSON.stringify(name.slice(0, 64))}. Use customerId and organizationId.`,
      );
    }
    if (found.has(name)) throw malformed(`The query parameter ${name} is given twice. Give it once.`);
    found.set(name, value);
  }
  const customerId = found.get("customerId");
  const organizationId = found.get("organizationId");
  return {
    ...(customerId === undefined ? {} : { customerId }),
    ...(organizationId === undefined ? {} : { organizationId }),
  };
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
