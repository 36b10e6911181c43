import tseslint from 'typescript-eslint';
import { boundariesPlugin } from './tools/lint/boundaries.mjs';

const root = import.meta.dirname;
// Specs, and the fakes and suites that only specs use.
const specFiles = [
  '**/*.spec.ts',
  '**/*.conformance.ts',
  '**/*.fixture.ts',
  '**/src/testing/**',
  '**/src/conformance/**',
  'libs/testing/**',
];
const nestFiles = ['**/*.module.ts', '**/*.controller.ts', '**/*.consumer.ts', '**/*.filter.ts'];

const noBarrel = { selector: 'ExportAllDeclaration', message: 'Name what you export: no "export *".' };
const fewParameters = {
  selector:
    'FunctionDeclaration[params.length>5], ArrowFunctionExpression[params.length>5], MethodDefinition[kind!="constructor"] > FunctionExpression[params.length>5]',
  message: 'More than 5 parameters: pass one object (a constructor may have 7).',
};
const noDecorator = {
  selector: 'Decorator',
  message: 'Nest decorators live in *.module.ts, *.controller.ts, *.consumer.ts and *.filter.ts.',
};
const noMocks = {
  selector:
    "MemberExpression[object.name='vi'][property.name=/^(mock|doMock|fn|spyOn|mocked|hoisted|stubGlobal|importMock)$/]",
  message: 'No mocks: write a fake, proven by the conformance suite of its port.',
};
const noSleep = {
  selector:
    "NewExpression[callee.name='Promise'] CallExpression[callee.name='setTimeout'][arguments.0.name=/^(r|resolve|done)$/]",
  message: 'No sleeps: wait for the condition with eventually().',
};
const noTenured = {
  selector:
    "AssignmentExpression[left.type='MemberExpression'][left.object.property.name!='prototype'][right.type=/Function/]",
  message:
    'V8 gives a function that is assigned to a property to the old generation, with all that it sees, dead or not: name it first (docs/adr/0043).',
};
const pure = [
  {
    selector: [
      "NewExpression[callee.name='Date'][arguments.length=0]",
      "CallExpression[callee.name='Date']",
      "MemberExpression[object.name='Date'][property.name='now']",
      "MemberExpression[object.name='Math'][property.name='random']",
    ].join(', '),
    message: 'Time and randomness come in as parameters.',
  },
  { selector: ':function[async=true]', message: 'The domain is synchronous.' },
  {
    selector: 'ImportSpecifier[imported.name=/^(random.*|generateKey.*)$/]',
    message: 'Time and randomness come in as parameters.',
  },
];
const impureGlobals = [
  'process',
  'console',
  'performance',
  'fetch',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
];
const restrict = (...selectors) => ({ 'no-restricted-syntax': ['error', ...selectors] });

export default tseslint.config(
  { ignores: ['**/node_modules/**', '**/dist/**', '.nx/**', '.switchhook/**', '**/coverage/**'] },
  // Redesign instead of suppressing: comments cannot switch a rule off.
  { linterOptions: { noInlineConfig: true } },
  ...tseslint.configs.strict.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts', '**/*.mjs'],
    plugins: { switchhook: boundariesPlugin(root) },
    rules: {
      'switchhook/boundaries': 'error',
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: false, skipComments: false }],
      'max-lines-per-function': ['error', { max: 60 }],
      'max-params': ['error', 7],
      'max-depth': ['error', 4],
      complexity: ['error', 12],
      ...restrict(noBarrel, fewParameters),
    },
  },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowEmpty: true }],
      '@typescript-eslint/no-empty-function': 'off',
      // A handler may answer with records or with nothing: `Promise<Records | void>`.
      '@typescript-eslint/no-invalid-void-type': 'off',
      // With noUncheckedIndexedAccess it is how one says that an index was checked.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'typeLike',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z][a-z]|Impl$|Manager$|Helper$|Utils?$', match: false },
        },
      ],
      ...restrict(noBarrel, fewParameters, noDecorator, noTenured),
    },
  },
  { files: nestFiles, rules: restrict(noBarrel, noTenured) },
  {
    files: ['libs/domain/**/*.ts', 'libs/contracts/**/*.ts'],
    ignores: specFiles,
    rules: {
      ...restrict(noBarrel, fewParameters, noDecorator, noTenured, ...pure),
      'no-restricted-globals': ['error', ...impureGlobals],
    },
  },
  {
    files: specFiles,
    rules: {
      // A describe is a list, not a function that does much.
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 500 }],
      ...restrict(noBarrel, fewParameters, noMocks, noSleep),
    },
  },
  { files: ['**/*.mjs', 'vitest.config.ts'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['vitest.config.ts'],
    languageOptions: { parserOptions: { projectService: false } },
  },
);
