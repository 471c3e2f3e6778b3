// The token of the user who is signed in.
export const loader = () => new Response(process.env.TOKEN);
