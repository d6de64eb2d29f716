// The official JavaScript client, told as JSON what to do; prints what it got as JSON.

import OpenAI from "openai";

/** What a response says, in the words that both languages share. */
function answer(response, events) {
  const { usage } = response;
  return {
    id: response.id,
    status: response.status,
    text: response.output_text,
    kinds: response.output.map((item) => item.type),
    events,
    usage: usage && {
      input: usage.input_tokens,
      cached: usage.input_tokens_details.cached_tokens,
      output: usage.output_tokens,
      reasoning: usage.output_tokens_details.reasoning_tokens,
    },
  };
}

function failure(error) {
  const { status, code, type, message } = error;
  return { class: error.constructor.name, status, code, type, message };
}

async function run(client, ask) {
  if (ask.do === "models") {
    const models = [];
    for await (const model of client.models.list()) models.push(model.id);
    return { models };
  }
  const words = { model: ask.model, input: ask.prompt, tools: ask.tools ?? [] };
  if (ask.do === "create") return answer(await client.responses.create(words), 0);
  const stream = client.responses.stream(words);
  let events = 0;
  for await (const _ of stream) events += 1;
  return answer(await stream.finalResponse(), events);
}

const told = JSON.parse(process.argv[2]);
const client = new OpenAI({ apiKey: told.key, baseURL: told.url, maxRetries: 0 });
const answers = [];
for (const ask of told.asks) {
  try {
    answers.push(await run(client, ask));
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    answers.push({ failure: failure(error) });
  }
}
console.log(JSON.stringify(answers));
