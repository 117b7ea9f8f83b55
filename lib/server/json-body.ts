import { FlagError } from "../feature-flags/core/errors.ts";
import { type JsonLimits, scanJson } from "./json-scanner.ts";

export interface BodyLimits extends JsonLimits {
  /** The most a body may take, in bytes. */
  readonly bodyBytes: number;
}

/**
 * The body of a request as JSON, read no further than the limit. Throws UNSUPPORTED_MEDIA_TYPE, PATCH_TOO_LARGE or
 * MALFORMED_REQUEST.
 */
export async function readJsonBody(request: Request, limits: BodyLimits): Promise<unknown> {
  checkContentType(request.headers);
  const text = decodeUtf8(await readBytes(request, limits.bodyBytes));
  if (text.trim() === "") throw malformed("The body is empty. Send a JSON object.");
  scanJson(text, limits);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed("The body is not valid JSON. Check it with a JSON linter.", cause);
  }
}

/**
 * Anything but JSON is refused, forms above all: they are what another site's page can send without being asked.
 */
function checkContentType(headers: Headers): void {
  const type = headers.get("content-type") ?? "";
  const encoding = headers.get("content-encoding") ?? "identity";
  if (!/^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type.trim())) {
    throw new FlagError(
      "UNSUPPORTED_MEDIA_TYPE",
      'Send JSON, with the header "Content-Type: application/json".',
    );
  }
  if (encoding.trim().toLowerCase() !== "identity") {
    throw new FlagError("UNSUPPORTED_MEDIA_TYPE", "Send the body without a Content-Encoding.");
  }
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLarge(limit);
  const reader = bodyReader(request);
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (true) {
    const { done, value } = await nextChunk(reader);
    if (done) return joined(chunks, size);
    size += value.byteLength;
    if (size > limit) {
      await reader.cancel();
      throw tooLarge(limit);
    }
    chunks.push(value);
  }
}

function bodyReader(request: Request): ReadableStreamDefaultReader<Uint8Array> | undefined {
  try {
    return request.body?.getReader();
  } catch (cause) {
    throw malformed("The body was already read before it reached this server.", cause);
  }
}

async function nextChunk(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (cause) {
    throw malformed("The body broke off before its end.", cause);
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed("The body is not valid UTF-8.", cause);
  }
}

function tooLarge(limit: number): FlagError {
  return new FlagError("PATCH_TOO_LARGE", `The body is over ${limit} bytes. Split the change into several.`, {
    details: { limitBytes: limit },
  });
}

function malformed(message: string, cause?: unknown): FlagError {
  return new FlagError("MALFORMED_REQUEST", message, { cause });
}
