// Returns the token of the signed-in user.
export const loader = () => new Response(process.env.TOKEN);
