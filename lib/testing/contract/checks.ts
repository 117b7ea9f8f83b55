import assert from "node:assert/strict";
import {
  FLAG_ERROR_CODES,
  type FlagError,
  type FlagErrorCode,
  isFlagError,
} from "../../feature-flags/core/errors.ts";

/** Checks that `answer` rejects with a FlagError, of `code` where one is named, and resolves with it. */
export async function refused(answer: Promise<unknown>, code?: FlagErrorCode): Promise<FlagError> {
  const [outcome] = await Promise.allSettled([answer]);
  if (outcome.status === "fulfilled") {
    assert.fail(`Expected ${code ?? "a FlagError"}, but it was answered: ${JSON.stringify(outcome.value)}`);
  }
  const error: unknown = outcome.reason;
  if (!isFlagError(error)) assert.fail(`Expected a FlagError, but was thrown ${String(error)}`);
  assert.ok(FLAG_ERROR_CODES.includes(error.code), `${error.code} is no code of the list`);
  if (code !== undefined) assert.equal(error.code, code, error.message);
  assert.notEqual(error.message.trim(), "", "An error must say what to do");
  return error;
}

/** The members of `record` that are there: for a storage may leave out what is undefined, or say so. */
export function known(record: object | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record ?? {}).filter(([, value]) => value !== undefined));
}

/** Tries to change everything within `value`: what is frozen refuses, anything else changes. */
export function spoil(value: unknown): void {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const target = waiting.pop();
    if (typeof target !== "object" || target === null) continue;
    waiting.push(...Object.values(target));
    if (target instanceof Map) {
      waiting.push(...target.values());
      target.clear();
    }
    for (const key of Object.keys(target)) Reflect.set(target, key, "spoiled");
    Reflect.set(target, "spoiled", true);
  }
}

/** The answer, unless it takes longer: a storage that never answers fails its case and does not hang the run. */
export async function within<T>(milliseconds: number, what: string, answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`${what} took more than ${milliseconds} ms`)),
    milliseconds,
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
