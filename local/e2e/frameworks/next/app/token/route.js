// Returns the token of the signed-in user.
export const dynamic = "force-dynamic";

export const GET = () => new Response(process.env.TOKEN);
