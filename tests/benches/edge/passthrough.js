// The floor: what any Worker costs that hands a request on and its answer back.
export default {
  fetch(request, env) {
    const url = new URL(request.url);
    return fetch(env.UPSTREAM + url.pathname, {
      method: request.method,
      headers: request.headers,
      body: request.body,
    });
  },
};
