// Uses the API through OpenAI's client for Node. Prints what it got as JSON.
// node client.mjs <base URL> <token>, with the client in node_modules of the working folder.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.cwd()}/`);
const { default: OpenAI } = await import(pathToFileURL(require.resolve('openai')).href);

const [, , baseURL, apiKey] = process.argv;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: 'user', content: 'When does the ferry to Ellan leave?' }];
const bulkhead = { template: 'quay', retrieval: {} };

const whole = await client.chat.completions.create({ model: 'default', messages, bulkhead });
let streamed = '';
let usage = null;
const stream = await client.chat.completions.create({
  model: 'default', messages, bulkhead, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  streamed += chunk.choices[0]?.delta?.content ?? '';
  usage = chunk.usage ?? usage;
}
const embedded = await client.embeddings.create({ model: 'default', input: ['ferry', 'bread'] });
const models = [];
for await (const model of client.models.list()) models.push(model.id);
let refused = null;
try {
  await client.chat.completions.create({ model: 'another', messages });
} catch (error) {
  refused = { status: error.status, detail: error.error?.detail ?? error.message };
}
console.log(JSON.stringify({
  answer: whole.choices[0].message.content, finish: whole.choices[0].finish_reason, streamed, usage,
  dimensions: embedded.data.map((each) => each.embedding.length), models, refused,
}));
