// Plain JavaScript on purpose: it must run, and explain itself, on a Node too old for everything else here.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const OLDEST = [22, 18];

const [major, minor] = process.versions.node.split(".").map(Number);
const tooOld = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
const uninstalled = !existsSync(
  fileURLToPath(new URL("../node_modules/kysely/package.json", import.meta.url)),
);

if (uninstalled) {
  stop("The dependencies are not installed.", ["npm ci"]);
}
if (tooOld) {
  stop(
    `This is Node ${process.versions.node}; Strata needs ${OLDEST.join(".")} or newer. The repository brings its own ` +
      `(the package "node"), but the install script that fetches it has not run.`,
    ["npm rebuild node --ignore-scripts=false", "or install Node 24 yourself, and run the command again"],
  );
}

function stop(problem, steps) {
  console.error([problem, "What to do:", ...steps.map((step) => `  ${step}`)].join("\n"));
  process.exit(1);
}
