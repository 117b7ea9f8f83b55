import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

interface Step {
  readonly name: string;
  readonly command: string;
  /** What to do when it fails. */
  readonly advice: string;
  /** Prints as it goes instead of only when it fails. */
  readonly live?: boolean;
}

const TESTS: Step = {
  name: "tests",
  command: "vitest run",
  advice: "run one file again with: npx vitest run <file>",
  live: true,
};

const STEPS: readonly Step[] = [
  {
    name: "format and lint",
    command: "biome check --error-on-warnings .",
    advice: "npm run format mends what a machine can; the rest is named above",
  },
  {
    name: "types",
    command: "tsc -p tsconfig.json",
    advice: "each line above names a file and a place in it",
  },
  TESTS,
  {
    name: "dead code and dependencies",
    command: "knip",
    advice: "delete what nothing uses; what is meant for users belongs in an entry of package.json exports",
  },
  {
    name: "build",
    command: "npm run --silent build",
    advice: "each line above names a file and a place in it",
  },
  {
    name: "package, as npm and TypeScript see it",
    command: "npm run --silent check:package",
    advice: "mend exports, imports, types, bin or files in package.json",
  },
  {
    name: "size in a browser",
    command: "node scripts/browser-size.ts",
    advice: "find the import that brought it in; raise the limit only with a reason in the commit",
  },
];

const root = fileURLToPath(new URL("..", import.meta.url));
const env = {
  ...process.env,
  PATH: join(root, "node_modules", ".bin") + delimiter + (process.env["PATH"] ?? ""),
};

const unknown = process.argv.slice(2).filter((argument) => argument !== "--fast");
if (unknown.length > 0) {
  console.error(`check knows one option, --fast (no tests), not: ${unknown.join(" ")}`);
  process.exit(2);
}
const fast = process.argv.includes("--fast");
const started = performance.now();

for (const step of fast ? STEPS.filter((each) => each !== TESTS) : STEPS) {
  const from = performance.now();
  const { status, stdout, stderr } = spawnSync(step.command, {
    cwd: root,
    env,
    shell: true,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: step.live ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  if (status === 0) {
    console.log(`ok    ${seconds(from)}  ${step.name}`);
    continue;
  }
  if (!step.live) process.stderr.write(`${stdout}${stderr}`);
  console.error(`FAIL  ${seconds(from)}  ${step.name}: ${step.command}\nWhat to do: ${step.advice}`);
  process.exit(1);
}
console.log(`ok    ${seconds(started)}  everything${fast ? " but the tests" : ""}`);

function seconds(from: number): string {
  return `${((performance.now() - from) / 1000).toFixed(1).padStart(6)} s`;
}
