// Build the page with esbuild, and write beside it which sources it was built from.
import {createHash} from 'node:crypto';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {build} from 'esbuild';

const page = '../ilw_web/page';
await build({
  entryPoints: {cockpit: 'src/main.ts'}, bundle: true, minify: true, format: 'iife',
  target: 'es2022', outdir: page, loader: {'.css': 'css'}, legalComments: 'eof',
  // urdf-loader reads STL and, with a large parser, Collada; the cockpit fetches no meshes.
  alias: {'three/examples/jsm/loaders/STLLoader.js': './src/no_mesh.ts',
    'three/examples/jsm/loaders/ColladaLoader.js': './src/no_mesh.ts'},
});
writeFileSync(`${page}/index.html`, readFileSync('src/index.html'));

const hash = createHash('sha256');
for (const name of ['build.mjs', 'package-lock.json', ...readdirSync('src', {recursive: true, withFileTypes: true})
  .filter((each) => each.isFile()).map((each) => `${each.parentPath}/${each.name}`).sort()]) {
  hash.update(`${name}\n`).update(readFileSync(name));
}
writeFileSync(`${page}/built.json`, `${JSON.stringify({sources: hash.digest('hex')})}\n`);
