/** A journey with the TypeScript client of clients/typescript. Prints what it saw as one line of JSON. */

import { createBulkhead, stream, type Schemas } from "./dist/index.js";

const [url, token] = process.argv.slice(2) as [string, string];
let asked = 0;
const bulkhead = createBulkhead({
  url,
  token: () => {
    asked += 1;
    return token;
  },
});

const saved = await bulkhead.PUT("/v1/templates/{key}", {
  params: { path: { key: "from-typescript" } },
  body: { body: "Answer from the passages." },
});
const document: Schemas["CreateDocument"] = {
  title: "Hours",
  content_type: "text/markdown",
  content: "# Hours\n\nThe boathouse opens at nine.",
};
const made = await bulkhead.POST("/v1/documents", { body: document });
if (!made.data) throw made.error;

const id = made.data.id;
let read = await bulkhead.GET("/v1/documents/{id}", { params: { path: { id } } });
for (let tries = 0; read.data && read.data.ready_revision !== read.data.revision && tries < 600; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  read = await bulkhead.GET("/v1/documents/{id}", { params: { path: { id } } });
}

const question = { template: "from-typescript", question: "When does the boathouse open?" };
const answered = await bulkhead.POST("/v1/inference", { body: question });
const events: string[] = [];
let text = "";
for await (const event of stream(bulkhead, question)) {
  if (events.at(-1) !== event.event) events.push(event.event);
  if (event.event === "delta") text += event.data.text;
}

const missing = await bulkhead.GET("/v1/documents/{id}", { params: { path: { id: "0".repeat(32) } } });
let refused: unknown;
try {
  for await (const _ of stream(bulkhead, { ...question, template: "missing" })) {
    throw new Error("a question without a prompt template was answered");
  }
} catch (problem) {
  refused = (problem as Schemas["Problem"]).status;
}
console.log(
  JSON.stringify({
    version: saved.data?.version,
    status: read.data?.status,
    citation: answered.data?.citations[0]?.title,
    same: text === answered.data?.answer,
    events,
    missing: missing.error?.type,
    refused,
    asked: asked > 5,
  }),
);
