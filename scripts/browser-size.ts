import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundleForBrowser } from "./browser-bundle.ts";

/** What importing the root entry may cost a page, compressed. */
const LIMIT_BYTES = 29_000;

const entry = fileURLToPath(new URL("../dist/feature-flags/index.js", import.meta.url));
const { code, imports } = await bundleForBrowser(entry);
const size = gzipSync(code, { level: 9 }).length;

console.log(`root entry in a browser: ${size} bytes gzipped, at most ${LIMIT_BYTES}`);
if (imports.length > 0) console.error(`It needs what no browser has: ${imports.join(", ")}`);
if (size > LIMIT_BYTES) console.error(`It is ${size - LIMIT_BYTES} bytes too large.`);
process.exitCode = imports.length > 0 || size > LIMIT_BYTES ? 1 : 0;
