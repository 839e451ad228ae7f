/** A typed client of the Bulkhead API. The types are generated from its OpenAPI document. */

import { EventSourceParserStream } from "eventsource-parser/stream";
import createFetchClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.ts";

/** The schemas of requests and answers, by name: `Schemas["Inference"]`. */
export type Schemas = components["schemas"];
/** A client with one method per HTTP method: `bulkhead.GET("/v1/templates")`. Paths, bodies and answers are typed. */
export type Bulkhead = Client<paths>;

/** Where the API is, and whose token or API key to send. */
export interface Settings {
  /** Address of the API without `/v1`, for example `https://api.example.com`. */
  url: string;
  /** A token or an API key, or a function that returns the current token of a session. */
  token: string | (() => string | Promise<string>);
}

/** Returns a client. It sends the token only to `settings.url`. */
export function createBulkhead(settings: Settings): Bulkhead {
  const { url, token } = settings;
  const client = createFetchClient<paths>({ baseUrl: url });
  client.use({
    async onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
      return request;
    },
  });
  return client;
}

/** An event of `POST /v1/inference/stream`. */
export type InferenceEvent =
  | { event: "start"; data: Schemas["StreamStart"] }
  | { event: "citations"; data: Schemas["StreamCitations"] }
  | { event: "delta"; data: Schemas["StreamDelta"] }
  | { event: "usage"; data: Schemas["Usage"] }
  | { event: "done"; data: Schemas["StreamDone"] }
  | { event: "error"; data: Schemas["Problem"] };

/**
 * Answers a question while the model writes. Ends after `done` or `error`.
 *
 * Throws the problem if the API refuses the question, and an error if the stream breaks off.
 */
export async function* stream(bulkhead: Bulkhead, question: Schemas["Infer"]): AsyncGenerator<InferenceEvent> {
  const { data, error } = await bulkhead.POST("/v1/inference/stream", { body: question, parseAs: "stream" });
  if (error !== undefined || data === null || data === undefined) {
    throw error ?? new Error("the answer has no body");
  }
  // The global `ReadableStream` and the one of the library differ in their type parameters.
  const text = (data as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream());
  const reader = text.pipeThrough(new EventSourceParserStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        throw new Error("the stream broke off before `done`");
      }
      const event = { event: value.event, data: JSON.parse(value.data) } as InferenceEvent;
      yield event;
      if (event.event === "done" || event.event === "error") {
        return;
      }
    }
  } finally {
    // Also if the caller stops early: the API then stops the model.
    await reader.cancel();
  }
}
