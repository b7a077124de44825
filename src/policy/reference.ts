/** `docs/reference/policy.md`, from the tables that the policy runs on. */
import { OPT_IN_KINDS } from '../indicators/entry.js'
import { RULES } from './rules.js'
import { policySettings } from './settings.js'
import { SHIPPED_LIST_FILES } from './shipped.js'
import { EMPTY_FILE_HASHES, SPECIAL_NETS } from './special.js'
import { TLP_LEVELS } from './tlp.js'

/** Markdown, ending in a newline. */
export function policyReference(): string {
  return `${[...head(), ...rules(), ...nets(), ...ages(), ...tlp(), ...lists()].join('\n')}\n`
}

function head(): string[] {
  return [
    '# Policy: what is served, and what is held',
    '',
    '<!-- Made by `npm run docs` from src/policy/. -->',
    '',
    'An indicator that is not served is *held*: it stays in the ledger, with the rule and the reason,',
    'and `tipline explain VALUE` tells them. A hold by hand (`tipline hold`) is stronger than every',
    'rule here, `allow` included.',
    '',
  ]
}

function rules(): string[] {
  return [
    '## Rules',
    '',
    'Asked in this order; the first that speaks decides.',
    '',
    ...table(
      ['Rule', 'Then it is', 'When', 'What it says'],
      RULES.map(({ name, effect, explain, says }) => [
        `\`${name}\``,
        effect === 'serve' ? 'served' : 'held',
        explain,
        code(says),
      ]),
    ),
  ]
}

function nets(): string[] {
  return [
    '## Special-purpose nets',
    '',
    'Documentation nets and names (RFC 5737, 3849, 2606) are not among them: they are served.',
    '',
    ...table(
      ['Net', 'What'],
      SPECIAL_NETS.map(({ net, what }) => [code(net), what]),
    ),
    `The hash of the empty file is known for ${Object.keys(EMPTY_FILE_HASHES).join(', ')}.`,
    '',
  ]
}

function ages(): string[] {
  const limits = Object.entries(policySettings.parse({}).max_age)
  const limited = limits.filter(([, limit]) => limit !== 'never')
  return [
    '## Age',
    '',
    'The defaults of `max_age`; all other kinds are served for ever.',
    '',
    ...table(['Kind', 'Served for'], limited),
    `Served only where \`kinds\` names them: ${OPT_IN_KINDS.join(', ')}.`,
    '',
  ]
}

function tlp(): string[] {
  return [
    '## TLP',
    '',
    `From wide to narrow: ${TLP_LEVELS.map((level) => `\`tlp:${level}\``).join(', ')}.`,
    'The strictest tag of the attribute and its event counts, without regard to case.',
    '',
  ]
}

function lists(): string[] {
  return [
    '## Warninglists',
    '',
    'All five types of MISP are read. Each is asked both ways: whether the indicator is on the list,',
    'and whether it would match what is on the list.',
    '',
    ...table(
      ['Type', 'The indicator is on the list', 'The indicator would match what is on the list'],
      [
        ['`string`', 'the same value', 'a domain above an entry, a net around an address'],
        ['`substring`', 'an entry occurs in it, without regard to case', ''],
        [
          '`hostname`',
          'an entry, or below one',
          'a domain above an entry, a net around an address',
        ],
        ['`cidr`', 'in a net or the same address', 'a net around an entry'],
        ['`regex`', 'an expression is found in it', ''],
      ],
    ),
    '`matching_attributes` limits a list to MISP types; a composite type such as `domain|ip` is also',
    'meant by either half. Expressions are matched without backtracking, in the first 2048 characters',
    'of a value; look-around, back references and possessive quantifiers are refused with a warning.',
    '',
    `Shipped: ${SHIPPED_LIST_FILES.map(code).join(', ')}.`,
  ]
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line), '']
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function code(text: string): string {
  return `\`${text}\``
}
