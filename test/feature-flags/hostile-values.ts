/** `depth` objects or lists within one another; JSON.parse takes them, most walks do not. */
export function nestedObject(depth: number, key = "a"): unknown {
  return JSON.parse(`${`{"${key}":`.repeat(depth)}1${"}".repeat(depth)}`);
}

export function nestedList(depth: number): unknown {
  return JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
}

/** An object that holds itself. */
export function circle(): object {
  const one: Record<string, unknown> = { a: 1 };
  one["self"] = one;
  return one;
}

/** What a stored `flags` column may hold once somebody has been at it by hand. */
export const GARBAGE: readonly unknown[] = [
  ...[null, undefined, true, false, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1n, "", "null", "{}"],
  ...[[], [[]], [{ plan: "gold" }], {}, { "": 1 }, { "": { "": 1 } }, { unknown: 1 }, { limits: null }],
  ...[{ limits: [] }, { limits: "x" }, { limits: { "": 1 } }, { limits: { maxSeats: { a: 1 } } }],
  ...[{ limits: { maxSeats: "5" } }, { limits: { maxSeats: null } }, { limits: { maxSeats: Number.NaN } }],
  ...[{ limits: { maxSeats: [5] } }, { limits: { regions: "eu" } }, { limits: { regions: [1] } }],
  ...[
    { limits: { regions: ["eu", false] } },
    { limits: { regions: ["eu", null] } },
    { limits: { regions: {} } },
  ],
  ...[{ beta: { search: 1 } }, { beta: { search: "true" } }, { beta: { search: { search: true } } }],
  ...[
    { plan: false },
    { plan: ["gold"] },
    { plan: "x".repeat(100_000) },
    { plan: "a\u0000b" },
    { plan: "\ud800" },
  ],
  ...[{ "limits.maxSeats": 9 }, { limits: { "max.Seats": 9 } }, { "beta.": true }, { ".plan": "x" }],
  ...[{ labels: "x" }, { labels: [1] }, { labels: null }, new Date(0), new Map([["plan", "x"]]), () => 1],
  ...[nestedObject(5_000), nestedList(5_000), { labels: nestedObject(5_000) }, { note: nestedList(5_000) }],
  ...[
    { limits: { regions: nestedList(5_000) } },
    nestedObject(5_000, "limits"),
    circle(),
    { labels: circle() },
  ],
  ...[Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`flag${index}`, index]))],
];

const TARGETS = [
  `{"__proto__":%}`,
  `{"constructor":{"prototype":%}}`,
  `{"prototype":%}`,
  `{"beta":{"__proto__":%}}`,
  `{"beta":{"constructor":{"prototype":%}}}`,
  `{"labels":{"__proto__":%}}`,
  `{"labels":{"constructor":{"prototype":%}}}`,
  `{"labels":{"deep":[{"__proto__":%}]}}`,
  `{"note":{"__proto__":%}}`,
  `{"limits":{"regions":{"__proto__":%}}}`,
  `{"limits":{"__proto__":{"maxSeats":%}}}`,
  `{"__proto__.polluted":true,"beta":{"search":true}}`,
  `{"constructor.prototype.polluted":true}`,
  `{"beta.__proto__.polluted":true}`,
  `{"beta.constructor.prototype.polluted":%}`,
] as const;
const POLLUTIONS = [
  `{"polluted":true}`,
  `{"polluted":"yes","toString":"x"}`,
  `{"__proto__":{"polluted":1}}`,
  `{"beta":{"search":true},"isAdmin":true,"polluted":[]}`,
] as const;

/** Sixty ways to reach a prototype through parsed JSON. */
export const POLLUTION: readonly string[] = TARGETS.flatMap((target) =>
  POLLUTIONS.map((pollution) => target.replace("%", pollution)),
);

/** What hangs on the prototypes that everything inherits from: the same before and after, or something got in. */
export function prototypeState(): string {
  return [Object.prototype, Array.prototype, Function.prototype, String.prototype, Number.prototype]
    .map((prototype) => Reflect.ownKeys(prototype).map(String).sort().join())
    .join("|");
}
