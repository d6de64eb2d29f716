// A side entrance for development and tests, on loopback and behind a random token; never deployed.
// It runs statements on the database of the running Worker, rings its timer, and reaches its
// objects.

/** `/object/BINDING/NAME/…` */
const OBJECT = /^https?:\/\/[^/]*\/object\/([A-Z]+)\/([a-z0-9_]+)(\/.*)$/;

export default {
  async fetch(request, env) {
    if (request.headers.get("authorization") !== `Bearer ${env.TOKEN}`) {
      return new Response("not for you", { status: 403 });
    }
    const [, binding, name, rest] = request.url.match(OBJECT) ?? [];
    if (binding) {
      return env[binding].getByName(name).fetch(new Request(`http://object${rest}`, request));
    }
    try {
      const asked = await request.json();
      if (new URL(request.url).pathname === "/scheduled") {
        return Response.json(await env.WORKER.scheduled({ cron: asked.cron }));
      }
      const statements = asked.map(({ sql, values }) => env.DB.prepare(sql).bind(...values));
      const done = await env.DB.batch(statements);
      return Response.json(done.map(({ results }) => results));
    } catch (error) {
      return new Response(String(error), { status: 400 });
    }
  },
};
