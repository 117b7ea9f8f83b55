import { expect, it } from "vitest";
import { Emitter } from "../../../lib/feature-flags/core/events.ts";
import { turn } from "../held-storage.ts";

interface Said {
  readonly hello: { readonly to: string };
  readonly bye: { readonly at: number };
}

function emitter() {
  const reported: unknown[] = [];
  return { reported, events: new Emitter<Said>((error) => reported.push(error)) };
}

it("tells everybody who listens to it, in the order they came, and nobody else", () => {
  const { events } = emitter();
  const told: string[] = [];
  events.emit("hello", { to: "nobody" });
  events.on("hello", ({ to }) => told.push(`first: ${to}`));
  events.on("bye", ({ at }) => told.push(`bye at ${at}`));
  events.on("hello", ({ to }) => told.push(`second: ${to}`));
  events.emit("hello", { to: "ada" });
  expect(told).toEqual(["first: ada", "second: ada"]);
});

it("tells no more once listening has ended, however often it is ended", () => {
  const { events } = emitter();
  const told: string[] = [];
  const listener = ({ to }: { to: string }) => void told.push(to);
  const off = events.on("hello", listener);
  events.on("hello", ({ to }) => told.push(`other: ${to}`));
  off();
  off();
  events.emit("hello", { to: "ada" });
  expect(told).toEqual(["other: ada"]);
});

it("takes the same function twice for two listeners, each of which ends by itself", () => {
  const { events } = emitter();
  let calls = 0;
  const listener = () => {
    calls += 1;
  };
  const off = events.on("hello", listener);
  events.on("hello", listener);
  events.emit("hello", { to: "ada" });
  expect(calls).toBe(2);
  off();
  events.emit("hello", { to: "ada" });
  expect(calls).toBe(3);
});

it("lets a listener end itself, and one that throws stops no other", () => {
  const { events, reported } = emitter();
  const told: string[] = [];
  const broken = new Error("broken");
  events.on("hello", () => {
    throw broken;
  });
  const off = events.on("hello", ({ to }) => {
    told.push(`once: ${to}`);
    off();
  });
  events.on("hello", ({ to }) => told.push(`always: ${to}`));
  events.emit("hello", { to: "ada" });
  events.emit("hello", { to: "bob" });
  expect(told).toEqual(["once: ada", "always: ada", "always: bob"]);
  expect(reported).toEqual([broken, broken]);
});

it("reports what a listener's promise rejects with", async () => {
  const { events, reported } = emitter();
  const broken = new Error("later");
  const listener = (): unknown => turn().then(() => Promise.reject(broken));
  events.on("hello", listener);
  events.emit("hello", { to: "ada" });
  await turn();
  await turn();
  expect(reported).toEqual([broken]);
});
