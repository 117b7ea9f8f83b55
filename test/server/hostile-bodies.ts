/** A request that no honest client sends. */
export interface HostileBody {
  readonly what: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly contentType?: string;
}

const AI = "experimental.aiEnhancements";
const TENANT = '"customerId":"hostile"';
const OPEN = `{"path":"${AI}","enabled":true,${TENANT}`;
const whole = `${OPEN}}`;

const RESERVED = ["__proto__", "constructor", "prototype"];
const SPELLINGS = [
  (key: string) => key,
  (key: string) => key.replace(/^./, (letter) => escaped(letter)),
  (key: string) => [...key].map(escaped).join(""),
  (key: string) => key.replaceAll("o", String.raw`\u006F`),
];

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function pollution(): HostileBody[] {
  return RESERVED.flatMap((key) =>
    SPELLINGS.flatMap((spell) => {
      const name = spell(key);
      return [
        `{"${name}":{"polluted":true},${OPEN.slice(1)}}`,
        `{"set":{"${name}":{"polluted":true}},${TENANT}}`,
        `{"set":{"experimental":{"${name}":{"polluted":true}}},${TENANT}}`,
        `{"set":{"experimental.${name}.polluted":true},${TENANT}}`,
        `{"path":"${name}.polluted","value":true,${TENANT}}`,
        `{"path":"experimental.${name}","value":true,${TENANT}}`,
        `{"path":"${AI}","value":{"${name}":{"polluted":true}},${TENANT}}`,
        `{"path":"${AI}","value":[[{"${name}":1}]],${TENANT}}`,
        `{"unset":["${name}","experimental.${name}"],${TENANT}}`,
      ].map((body) => ({ what: `pollution by ${name}`, body }));
    }),
  );
}

function bombs(): HostileBody[] {
  const deep = [33, 100, 5_000, 100_000].flatMap((levels) => [
    "[".repeat(levels) + "]".repeat(levels),
    ['{"set":'.repeat(Math.min(levels, 30_000)), 1, "}".repeat(Math.min(levels, 30_000))].join(""),
    `{"path":"${AI}","value":${"[".repeat(levels)}1${"]".repeat(levels)},${TENANT}}`,
    "[".repeat(levels),
    "]".repeat(levels),
    '[{"a":'.repeat(Math.min(levels, 20_000)),
  ]);
  const keys = (count: number) => Array.from({ length: count }, (_, index) => `"k${index}":0`).join(",");
  const wide = [
    `{"set":{${keys(10_001)}},${TENANT}}`,
    `{"set":{${keys(20_000)}},${TENANT}}`,
    `{"path":"${AI}","value":[${"{},".repeat(60_000)}{}],${TENANT}}`,
    `{"unset":[${`"${AI}",`.repeat(5_000)}"x"],${TENANT}}`,
    `{"path":"${"a.".repeat(30_000)}a","value":1,${TENANT}}`,
    `{"path":"${"x".repeat(65_537)}","value":1,${TENANT}}`,
    `{"${"k".repeat(257)}":1}`,
    `{"set":{"${"a.".repeat(120)}a":1},${TENANT}}`,
    `"${"x".repeat(300_000)}"`,
    " ".repeat(262_145),
    `${whole}${" ".repeat(262_144)}`,
  ];
  return [...deep, ...wide].map((body) => ({ what: `a bomb of ${body.length} characters`, body }));
}

function texts(): HostileBody[] {
  const escapes = [
    String.raw`\ud800`,
    String.raw`\udfff`,
    String.raw`\udc00\ud800`,
    String.raw`\ud83d\ud83d\ude00`,
    String.raw`\u0000`,
    String.raw`a\u0000b`,
    String.raw`\u001b[2J\u001b]0;owned\u0007`,
    String.raw`\r\nSet-Cookie: a=b`,
    String.raw`\u2028\u2029`,
    String.raw`\u202e\u2066`,
    String.raw`\ufeff`,
    String.raw`\u0085`,
    "\u0007",
    "\n",
    "\t",
  ];
  return escapes.flatMap((text) =>
    [
      `{"path":"${text}","enabled":true,${TENANT}}`,
      `{"path":"${AI}","value":"${text}",${TENANT}}`,
      `{"path":"${AI}","enabled":"yes","customerId":"${text}"}`,
      `{"path":"nowhere","enabled":true,${TENANT},"changedBy":"${text}"}`,
      `{"path":"nowhere","enabled":true,${TENANT},"reason":"${text}"}`,
      `{"set":{"${text}":true},${TENANT}}`,
      `{"${text}":true,${OPEN.slice(1)}}`,
      `{"unset":["${text}"],${TENANT}}`,
    ].map((body) => ({ what: `the text ${JSON.stringify(text)}`, body })),
  );
}

function fragments(): HostileBody[] {
  const texts = [
    "'; DROP TABLE customer_feature_flags; --",
    "1 OR 1=1",
    "') UNION SELECT secret_hash FROM admin_keys --",
    "$1",
    "?",
    "%s%n",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "${process.env}",
    "{{7*7}}",
    "../../etc/passwd",
    "javascript:alert(1)",
    "() { :; }; echo x",
  ].map((text) => JSON.stringify(text));
  return texts.flatMap((text) =>
    [
      `{"path":${text},"enabled":true,${TENANT}}`,
      `{"path":"${AI}","value":${text},${TENANT}}`,
      `{"set":{${text}:true},${TENANT}}`,
      `{"unset":[${text}],${TENANT}}`,
      `{"path":"nowhere","enabled":true,"customerId":${text},"reason":${text},"changedBy":${text}}`,
      `{${text}:1,${OPEN.slice(1)}}`,
    ].map((body) => ({ what: `the fragment ${text}`, body })),
  );
}

function numbers(): HostileBody[] {
  return [
    "1e999",
    "-1e999",
    "9".repeat(400),
    "9007199254740993",
    "-0",
    "0x10",
    "1_000",
    ".5",
    "5.",
    "+1",
    "NaN",
    "1e",
    "--1",
  ].flatMap((number) =>
    [
      `{"path":"${AI}","value":${number},${TENANT}}`,
      `{"path":"nowhere","enabled":true,${TENANT},"ifVersion":${number}}`,
      `{"path":"nowhere","enabled":true,"customerId":${number}}`,
    ].map((body) => ({ what: `the number ${number.slice(0, 20)}`, body })),
  );
}

function duplicates(): HostileBody[] {
  return [
    `{${TENANT},${OPEN.slice(1)}}`,
    `{"path":"nowhere",${OPEN.slice(1)}}`,
    `{${OPEN.slice(1)},"enabled":false}`,
    `{${OPEN.slice(1)},"\\u0065nabled":false}`,
    `{"set":{"experimental":{"aiEnhancements":true,"aiEnhancements":false}},${TENANT}}`,
    `{"set":{"${AI}":true,"experimental":{"aiEnhancements":false}},${TENANT}}`,
    `{"set":{"${AI}":true},"unset":["${AI}"],${TENANT}}`,
  ].map((body) => ({ what: "something said twice", body }));
}

/** The honest body cut short, and with each of its characters replaced. */
function damaged(): HostileBody[] {
  const cut = Array.from({ length: whole.length - 1 }, (_, length) => ({
    what: `JSON cut off after ${length} characters`,
    body: whole.slice(0, length),
  }));
  const broken = [...`{}[]",:`].flatMap((character) =>
    [0, 1, 7, whole.length - 1].map((at) => ({
      what: `a stray ${character} at ${at}`,
      body: whole.slice(0, at) + character + whole.slice(at),
    })),
  );
  return [...cut, ...broken];
}

function bytes(): HostileBody[] {
  return [
    [0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
    [0x00],
    [0x1f, 0x8b, 0x08, 0x00],
    [0xff, 0xfe, 0x7b, 0x00],
    [0x00, 0x00, 0xfe, 0xff],
  ].flatMap((broken) => {
    const inString = [...new TextEncoder().encode(`{"path":"`), ...broken, ...new TextEncoder().encode(`"}`)];
    return [broken, inString].map((body) => ({ what: `the bytes ${broken}`, body: new Uint8Array(body) }));
  });
}

function contentTypes(): HostileBody[] {
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=a",
    "text/html",
    "application/xml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/json; charset=utf-16",
    "application/json; charset=utf-7",
    "application/json text/plain",
    "application/octet-stream",
    "*/*",
    "json",
  ];
  return types.map((contentType) => ({ what: `the content type ${contentType}`, body: whole, contentType }));
}

function shapes(): HostileBody[] {
  return [
    "null",
    "true",
    "0",
    '""',
    "[]",
    "{}",
    `[${whole}]`,
    `{"set":null,${TENANT}}`,
    `{"set":[],${TENANT}}`,
  ]
    .concat(
      ["path", "set", "unset", "customerId", "reason", "ifVersion"].flatMap((field) =>
        ["{}", "[]", "[null]", "{}", "[[]]", '{"toString":1}', '{"length":1}', '{"then":1}'].map(
          (value) => `{"${field}":${value},"enabled":true}`,
        ),
      ),
    )
    .map((body) => ({ what: `the shape ${body}`, body }));
}

export const hostileBodies: readonly HostileBody[] = [
  ...pollution(),
  ...bombs(),
  ...texts(),
  ...fragments(),
  ...numbers(),
  ...duplicates(),
  ...damaged(),
  ...bytes(),
  ...contentTypes(),
  ...shapes(),
];
