/** Runs in a page: sends what the page of another site can send, tries the rest, and reports what it could read or open. */
// biome-ignore lint/correctness/noUnusedVariables: the pages call it.
const attack = async ({ name, target, report, model }) => {
  const succeeded = [];
  const chatUrl = `${target}/v1/chat/completions`;
  const jobsUrl = `${target}/v1/jobs`;
  const chat = JSON.stringify({ model, max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] });
  const job = JSON.stringify({ operation: 'worker_spawn', input: { type: 'fake', device: 'cpu' } });
  const bodies = [
    [chatUrl, chat],
    [jobsUrl, job],
  ];

  /** Waits for one of the events; those in `good` count as a success of the page. */
  const settled = (what, source, good, bad) =>
    new Promise((resolve) => {
      setTimeout(resolve, 5_000);
      for (const event of bad) source.addEventListener(event, resolve);
      for (const event of good)
        source.addEventListener(event, () => {
          succeeded.push(what);
          resolve();
        });
    });

  const form = (url, enctype, fields, method = 'POST') => {
    const frame = document.createElement('iframe');
    frame.name = `frame-${Math.random()}`;
    document.body.append(frame);
    const element = document.createElement('form');
    Object.assign(element, { action: url, method, enctype, target: frame.name });
    for (const [key, value] of Object.entries(fields)) {
      const input = document.createElement('input');
      Object.assign(input, { type: 'hidden', name: key, value });
      element.append(input);
    }
    document.body.append(element);
    const loaded = settled('', frame, [], ['load']);
    element.submit();
    return loaded;
  };

  const read = async (what, url, options) => {
    try {
      const response = await fetch(url, options);
      await response.text();
      // An opaque response has status 0. The own site can read errors, which tell it nothing.
      if (response.ok) succeeded.push(what);
    } catch {
      // Refused.
    }
  };

  const element = (tag, url) => {
    const made = document.createElement(tag);
    made.src = url;
    const loaded = settled(`<${tag}> ${url}`, made, tag === 'iframe' ? [] : ['load'], ['error', 'load']);
    document.body.append(made);
    return loaded;
  };

  const tries = [];
  for (const [url, json] of bodies) {
    // With text/plain, the body is `name=value`: JSON, if the `=` is inside a string.
    tries.push(form(url, 'text/plain', { [`${json.slice(0, -1)},"x":"`]: '"}' }));
    tries.push(form(url, 'application/x-www-form-urlencoded', { model, [json]: '' }));
    tries.push(form(url, 'multipart/form-data', { model, messages: json }));
    tries.push(form(url, 'application/x-www-form-urlencoded', { model }, 'GET'));
    for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
      tries.push(
        read(`no-cors ${type}`, url, {
          method: 'POST',
          mode: 'no-cors',
          headers: { 'content-type': type },
          body: json,
        }),
      );
    tries.push(read('no type', url, { method: 'POST', mode: 'no-cors', body: new Blob([json]) }));
    tries.push(read('cors text', url, { method: 'POST', body: json }));
    for (const more of [{}, { authorization: 'Bearer sk-any' }, { 'x-api-key': 'any', 'idempotency-key': 'one' }])
      tries.push(
        read('cors json', url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...more },
          body: json,
        }),
      );
    navigator.sendBeacon(url, new Blob([json], { type: 'text/plain' }));
    navigator.sendBeacon(url, new Blob([json], { type: 'application/json' }));
    const socket = new WebSocket(new URL(`${url}?model=${model}`, location.href.replace(/^about:.*/, target)));
    tries.push(settled('WebSocket', socket, ['open'], ['error', 'close']));
    const events = new EventSource(`${url}?model=${model}`);
    tries.push(settled('EventSource', events, ['open'], ['error']).then(() => events.close()));
  }
  tries.push(read('delete', `${jobsUrl}/one`, { method: 'DELETE' }));
  for (const path of ['/v1/models', '/v1/workers', '/v1/status', '/v1/jobs']) {
    tries.push(read(`GET ${path}`, target + path, {}));
    tries.push(read(`no-cors GET ${path}`, target + path, { mode: 'no-cors' }));
    for (const tag of ['img', 'script', 'iframe']) tries.push(element(tag, `${target}${path}?${tag}`));
  }
  await Promise.all(tries);
  const body = JSON.stringify({ name, succeeded });
  await fetch(report, { method: 'POST', mode: 'no-cors', body });
};
