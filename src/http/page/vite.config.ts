/** The page for the analyst on duty, built into `dist/page`: one script, one style sheet, no other. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: here('.'),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: here('../../../dist/page'),
    emptyOutDir: true,
    // The polyfill of module preloading is for pages of many parts.
    modulePreload: false,
    // Nothing inline: the content security policy would refuse it.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
})
