export default {
  // In development Vite would move the library away from its worker.
  optimizeDeps: { exclude: ["strata-embed"] },
};
