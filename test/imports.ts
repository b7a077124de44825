/** Finds what a source file depends on, with TypeScript's own parser. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import ts from 'typescript'

export interface Import {
  /** Absolute path of the file that imports. */
  readonly from: string
  /** Absolute path of the source file that is imported. */
  readonly to: string
  /** 1-based. */
  readonly line: number
  /** Named by `new URL(..., import.meta.url)`, to be started as a thread or process. */
  readonly started: boolean
}

/** Every import of a file of our own: static, dynamic, re-exported, of types only, or started. */
export function importsOf(file: string, text = readFileSync(file, 'utf8')): Import[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  return literalsIn(source)
    .filter((literal) => /^\.\.?\/.*\.(js|json)$/.test(literal.text))
    .map((literal) => ({
      from: file,
      to: sourceOf(resolve(dirname(file), literal.text)),
      line: source.getLineAndCharacterOfPosition(literal.getStart()).line + 1,
      started: ts.isNewExpression(literal.parent),
    }))
}

/** What is imported as JavaScript is written in TypeScript, parts of the page in its form with markup. */
function sourceOf(path: string): string {
  const markup = path.replace(/\.js$/, '.tsx')
  return existsSync(markup) ? markup : path.replace(/\.js$/, '.ts')
}

function literalsIn(source: ts.SourceFile): ts.StringLiteralLike[] {
  const found: ts.StringLiteralLike[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier && ts.isStringLiteralLike(specifier)) found.push(specifier)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return node.arguments[0]
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL') return node.arguments?.[0]
  return undefined
}

/**
 * Each circle as the files that it leads through; the first is named again at the end. A thread that
 * knows the types of whoever starts it makes none: neither waits for the other to be loaded.
 */
export function circlesIn(imports: readonly Import[]): string[][] {
  const loaded = imports.filter(({ started }) => !started)
  const targets = new Map(loaded.map(({ from }) => [from, new Set<string>()] as const))
  for (const { from, to } of loaded) targets.get(from)?.add(to)
  const done = new Set<string>()
  const circles: string[][] = []
  const visit = (file: string, path: string[]): void => {
    const seenAt = path.indexOf(file)
    if (seenAt >= 0) circles.push([...path.slice(seenAt), file])
    if (seenAt >= 0 || done.has(file)) return
    for (const to of targets.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of targets.keys()) visit(file, [])
  return circles
}
