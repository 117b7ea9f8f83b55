/**
 * No cache may keep a tenant's flags, no browser may run or frame an answer, and without CORS headers no other
 * site's script may read one.
 */
const SECURITY_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
});

/** `body` as the answer: JSON with the security headers that every answer carries. */
export function jsonResponse(body: object, status: number, headers: Record<string, string> = {}): Response {
  return new Response(readableJson(body), {
    status,
    headers: { ...SECURITY_HEADERS, "content-type": "application/json; charset=utf-8", ...headers },
  });
}

/** JSON with one line per field, and per item of a list of objects: what fits a terminal and `grep`. */
function readableJson(body: object): string {
  const fields = Object.entries(body).flatMap(([key, value]) => {
    const text = Array.isArray(value) && value.length > 0 ? list(value) : JSON.stringify(value);
    return text === undefined ? [] : [`  ${JSON.stringify(key)}: ${text}`];
  });
  return `{\n${fields.join(",\n")}\n}\n`;
}

function list(items: readonly unknown[]): string {
  return `[\n${items.map((item) => `    ${JSON.stringify(item ?? null)}`).join(",\n")}\n  ]`;
}
