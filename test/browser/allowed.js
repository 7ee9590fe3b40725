/** Runs in a page of an allowed origin: reports what it is answered. */
// biome-ignore lint/correctness/noUnusedVariables: the page calls it.
const ask = async ({ name, target, report, model }) => {
  const chat = (more) => JSON.stringify({ model, max_tokens: 2, messages: [{ role: 'user', content: 'hi' }], ...more });
  const answers = {};
  const post = async (what, path, type, body, headers = {}) => {
    const options = { method: 'POST', headers: { 'content-type': type, ...headers }, body };
    const response = await fetch(target + path, options).catch((error) => error);
    answers[what] = [response.status, await response.text?.()];
  };
  await post('chat', '/v1/chat/completions', 'application/json', chat(), { authorization: 'Bearer sk-any' });
  await post('stream', '/v1/chat/completions', 'application/json', chat({ stream: true }));
  await post('text', '/v1/chat/completions', 'text/plain', chat());
  await post('job', '/v1/jobs', 'application/json', '{"operation":"status","input":{}}');
  const models = await fetch(`${target}/v1/models`);
  answers.models = [models.status, await models.text()];
  await fetch(report, { method: 'POST', mode: 'no-cors', body: JSON.stringify({ name, answers }) });
};
