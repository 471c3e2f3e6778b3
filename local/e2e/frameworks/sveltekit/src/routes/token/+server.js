// The token of the user who is signed in.
export const GET = () => new Response(process.env.TOKEN);
