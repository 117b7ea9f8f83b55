import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

// What a removed module left behind in dist would be published with the next version.
rmSync(fileURLToPath(new URL("../dist", import.meta.url)), { recursive: true, force: true });
const { status } = spawnSync("tsc -p tsconfig.build.json", {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  shell: true,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
