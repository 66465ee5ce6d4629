module.exports = {
  mode: "production",
  entry: "./src/index.js",
  output: { path: `${__dirname}/public` }, // beside index.html and models/
};
