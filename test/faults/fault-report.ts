const MOST_PROBLEMS = 20;

/** Prints what an experiment has counted as one line, and the first problems as one more each. */
export function report(experiment: string, figures: object): void {
  const problems: string[] = [];
  const counted = Object.entries(figures).map(([name, value]: [string, unknown]) => {
    if (!Array.isArray(value)) return `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`;
    problems.push(...value.map(String));
    return `${name} ${value.length}`;
  });
  const lines = [`${experiment}: ${counted.join(", ")}`, ...problems.slice(0, MOST_PROBLEMS)];
  process.stdout.write(`${lines.join("\n  ")}\n`);
}
