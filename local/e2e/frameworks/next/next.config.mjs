// Both bundlers build this app, each into its own folder.
export default { distDir: process.env.DIST_DIR };
