// Built with both bundlers, each in a folder of its own.
export default { distDir: process.env.DIST_DIR };
