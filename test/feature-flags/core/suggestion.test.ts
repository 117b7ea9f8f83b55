import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chatWidgetFlags } from "../../../lib/chat-widget/default-config.ts";
import { unknownPath } from "../../../lib/feature-flags/core/suggestion.ts";

const known = [...chatWidgetFlags.leaves.keys()];
const suggested = (path: string, among: Iterable<string> = known) =>
  unknownPath(path, among).details?.["suggestion"];

describe("unknownPath", () => {
  it.each([
    ["sessionPersistence.phase2.retrylogic", "sessionPersistence.phase2.retryLogic"],
    ["sessionPersistence.phase2.retryLogik", "sessionPersistence.phase2.retryLogic"],
    ["sessionPersistance.phase2.retryLogic", "sessionPersistence.phase2.retryLogic"],
    ["sessionPersistence.phase3.retryLogic", "sessionPersistence.phase2.retryLogic"],
    ["retryLogic", "sessionPersistence.phase2.retryLogic"],
    ["experimental.voiceInputs", "experimental.voiceInput"],
    ["Experimental.VoiceInput", "experimental.voiceInput"],
  ])("takes %s for %s", (path, meant) => {
    expect(suggested(path)).toBe(meant);
    expect(unknownPath(path, known).message).toBe(`There is no flag "${path}". Did you mean "${meant}"?`);
  });

  it("prefers the nearest of several that end alike", () => {
    const among = ["alpha.enabled", "beta.enabled", "gamma.enabled"];
    expect(suggested("betta.enabled", among)).toBe("beta.enabled");
    expect(suggested("gama.enabled", among)).toBe("gamma.enabled");
  });

  it("says of a branch that it is one, and what is below it", () => {
    expect(unknownPath("sessionPersistence.phase2", known).message).toBe(
      '"sessionPersistence.phase2" has flags below it. Name one, such as "sessionPersistence.phase2.enhancedStorage".',
    );
    expect(suggested("experimental")).toBe("experimental.aiEnhancements");
  });

  it("suggests nothing where nothing is near", () => {
    for (const path of ["", ".", "zzz", "billing.invoices.currency", "x".repeat(10_000)]) {
      expect(suggested(path)).toBeUndefined();
      expect(unknownPath(path, known).message).toContain("Look the path up");
    }
  });

  it("never suggests what was asked for, and only what there is", () => {
    const near = fc
      .tuple(fc.constantFrom(...known), fc.nat(), fc.string({ maxLength: 3 }))
      .map(([path, at, text]) => path.slice(0, at % path.length) + text + path.slice((at % path.length) + 1));
    fc.assert(
      fc.property(near, (path) => {
        fc.pre(!known.includes(path));
        const suggestion = suggested(path);
        if (suggestion !== undefined) expect(known).toContain(suggestion);
        expect(suggestion).not.toBe(path);
      }),
    );
  });

  it("keeps an endless path out of the message", () => {
    const { message, path } = unknownPath("x".repeat(1_000_000), known);
    expect(message.length).toBeLessThan(300);
    expect(path?.length).toBeLessThan(300);
  });
});
