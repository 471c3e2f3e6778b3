// Returns the token of the signed-in user.
export const GET = () => new Response(process.env.TOKEN);
