// The tests in `e2e` install programs and compile archeio, so they have a task of their own.
Deno.test.ignore("real clients pull through the compiled program: deno task e2e", () => {});
