// Stands in for the mesh loaders of urdf-loader: nothing is fetched, so no mesh is drawn.
export class STLLoader {}
export class ColladaLoader {}
