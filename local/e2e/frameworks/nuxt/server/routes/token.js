// The token of the user who is signed in.
export default defineEventHandler(() => process.env.TOKEN);
