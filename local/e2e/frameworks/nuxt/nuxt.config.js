export default defineNuxtConfig({
  compatibilityDate: "2026-01-01",
  telemetry: false,
  runtimeConfig: { public: { portal: "" } }, // NUXT_PUBLIC_PORTAL, known when the server runs
  vue: { compilerOptions: { isCustomElement: (tag) => tag === "manage-billing-button" } },
});
