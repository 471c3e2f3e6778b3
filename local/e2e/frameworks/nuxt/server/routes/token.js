// Returns the token of the signed-in user.
export default defineEventHandler(() => process.env.TOKEN);
