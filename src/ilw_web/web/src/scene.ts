// The robot in its room: map, scan, path, goal, what the policy means to do; from above or around.
import * as THREE from 'three';
import {OrbitControls} from 'three/examples/jsm/controls/OrbitControls.js';
import URDFLoader, {type URDFRobot} from 'urdf-loader';
import {Glide} from './glide';
import type {Hello, Link} from './link';

const MOST_POINTS = 4000;
const PATH_STEP_M = 0.05;
const SLOW_MS = 40;
const FAST_MS = 20;
const COARSEST = 0.3;
const EVERY_MS = 28;  // between two pictures of what glides

export class Scene {
  pictures = 0;
  private readonly renderer: THREE.WebGLRenderer;
  private readonly scene = new THREE.Scene();
  private readonly camera = new THREE.PerspectiveCamera(50, 1, 0.05, 500);
  private readonly controls: OrbitControls;
  private readonly robot = new THREE.Group();
  private readonly heading = marker();
  private urdf: URDFRobot | null = null;
  private readonly scan = cloud(0xff5050);
  private readonly path = line(0x35b0d0);
  private readonly ahead = new THREE.Line(new THREE.BufferGeometry(),
    new THREE.LineBasicMaterial({vertexColors: true, transparent: true}));
  private readonly goal = new THREE.Mesh(new THREE.RingGeometry(0.2, 0.27, 40),
    new THREE.MeshBasicMaterial({color: 0x30c060, side: THREE.DoubleSide}));
  private readonly way: number[] = [];
  private map: THREE.Mesh | null = null;
  private dirty = true;
  private readonly pose = new Glide();
  private readonly turns = new Glide();
  private joints: string[] = [];
  private here: [number, number, number] = [0, 0, 0];
  private drawnMs = 0;
  private arm = false;
  private drawMs = 0;
  private ratio = Math.min(devicePixelRatio, 2);

  // :throws: the browser has no WebGL.
  constructor(private readonly canvas: HTMLCanvasElement, link: Link, private readonly hello: Hello) {
    this.renderer = new THREE.WebGLRenderer({canvas, antialias: true});
    this.renderer.setPixelRatio(this.ratio);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener('change', () => { this.dirty = true; });
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x606060, 2.5), this.robot, this.scan,
      this.path, this.ahead, this.goal, grid());
    this.goal.visible = false;
    this.robot.add(this.heading);
    this.look(true);
    link.on('pose', (news) => this.onPose(news));
    link.on('scan', (news) => this.onScan(news));
    link.on('map', (news, body) => { if (body) void this.onMap(news, body); });
    link.on('urdf', (news) => this.onUrdf(news.xml));
    link.on('joints', (news) => this.onJoints(news.at));
    link.on('chunk', (news) => this.onChunk(news));
    const turn = (): void => { requestAnimationFrame(turn); this.draw(); };
    turn();
  }

  // From above, or around.
  look(above: boolean): void {
    const at = this.robot.position;
    this.controls.enableRotate = !above;
    this.controls.target.copy(at);
    this.camera.position.copy(at).add(above ? new THREE.Vector3(0, -0.001, 12)
      : this.arm ? new THREE.Vector3(1.4, 1.0, 0.9) : new THREE.Vector3(-3, 0, 2.2));
    this.controls.update();
    this.dirty = true;
  }

  clear(): void { this.way.length = 0; this.draws(this.path, this.way); }

  private draw(): void {
    const {clientWidth: width, clientHeight: height} = this.canvas;
    if (!width || !height || document.hidden) return;
    const size = this.renderer.getSize(new THREE.Vector2());
    if (size.x !== width || size.y !== height) {
      this.renderer.setSize(width, height, false);
      this.camera.aspect = width / height;
      this.camera.updateProjectionMatrix();
      this.dirty = true;
    }
    this.glide(performance.now());
    if (!this.dirty) return;
    this.dirty = false;
    this.pictures += 1;
    this.canvas.dataset['pictures'] = String(this.pictures);
    this.adapt();
    this.renderer.render(this.scene, this.camera);
  }

  // A page that is busy with drawing is late with the stick: draw coarser until it keeps up.
  private adapt(): void {
    const begun = performance.now();
    requestAnimationFrame(() => {
      this.drawMs = 0.9 * this.drawMs + 0.1 * (performance.now() - begun);
      const ratio = this.drawMs > SLOW_MS ? Math.max(COARSEST, this.ratio * 0.8)
        : this.drawMs < FAST_MS ? Math.min(devicePixelRatio, 2, this.ratio * 1.25) : this.ratio;
      if (ratio === this.ratio) return;
      this.ratio = ratio;
      this.drawMs = (SLOW_MS + FAST_MS) / 2;
      this.renderer.setPixelRatio(ratio);
    });
  }

  private onPose(news: Record<string, any>): void {
    this.dirty = true;
    this.goal.visible = Boolean(news.goal);
    if (news.goal) this.goal.position.set(news.goal[0], news.goal[1], 0.01);
    if (!news.at) return;
    const [x, y, yaw] = news.at as [number, number, number], [fromX, fromY, fromYaw] = this.here;
    const jump = Math.hypot(x - fromX, y - fromY) > 1.0;  // another world
    // The way round that is the shorter one.
    this.here = [x, y, fromYaw + Math.atan2(Math.sin(yaw - fromYaw), Math.cos(yaw - fromYaw))];
    this.pose.aim(this.here, performance.now(), jump);
    if (jump) this.way.length = 0;
    const last = this.way.slice(-3);
    if (last.length < 3 || Math.hypot(x - last[0]!, y - last[1]!) >= PATH_STEP_M) {
      this.way.push(x, y, 0.02);
      if (this.way.length > 3 * MOST_POINTS) this.way.splice(0, 3);
      this.draws(this.path, this.way);
    }
  }

  private glide(nowMs: number): void {
    if (nowMs - this.drawnMs < EVERY_MS || !(this.pose.moves || this.turns.moves)) return;
    this.drawnMs = nowMs;
    if (this.pose.moves) this.place(this.pose.show(nowMs));
    if (this.turns.moves) this.turn(this.turns.show(nowMs));
    this.dirty = true;
  }

  private place([x, y, yaw]: number[]): void {
    const moved = new THREE.Vector3(x, y, 0).sub(this.robot.position);
    this.camera.position.add(moved);  // it stays in sight, wherever a person turned the view
    this.controls.target.add(moved);
    this.robot.position.set(x!, y!, 0);
    this.robot.rotation.z = yaw!;
    this.controls.update();
  }

  private turn(values: number[]): void {
    this.joints.forEach((name, i) => this.urdf?.setJointValue(name, values[i] ?? 0));
  }

  private onScan(news: Record<string, any>): void {
    const [x, y, yaw] = this.here, points: number[] = [];
    (news.cm as number[]).forEach((cm, i) => {
      if (!cm) return;
      const angle = yaw + news.from + i * news.step;
      points.push(x + cm / 100 * Math.cos(angle), y + cm / 100 * Math.sin(angle), 0.1);
    });
    this.draws(this.scan, points);
  }

  private async onMap(news: Record<string, any>, body: Blob): Promise<void> {
    const [left, low, right, top] = news.box as [number, number, number, number];
    const texture = new THREE.CanvasTexture(await createImageBitmap(body, {imageOrientation: 'flipY'}));
    texture.flipY = false;
    texture.magFilter = THREE.NearestFilter;
    const mesh = new THREE.Mesh(new THREE.PlaneGeometry(right - left, top - low),
      new THREE.MeshBasicMaterial({map: texture}));
    mesh.position.set((left + right) / 2, (low + top) / 2, -0.01);
    if (this.map) {
      this.scene.remove(this.map);
      this.map.geometry.dispose();
      const old = this.map.material as THREE.MeshBasicMaterial;
      old.map?.dispose();
      old.dispose();
    }
    this.map = mesh;
    this.scene.add(mesh);
    this.dirty = true;
  }

  private onUrdf(xml: string): void {
    const loader = new URDFLoader();
    loader.loadMeshCb = (_path, _manager, _material, done) => done(new THREE.Group());
    try {
      const robot = loader.parse(xml);
      if (this.urdf) this.robot.remove(this.urdf);
      this.robot.add(robot);
      this.heading.position.z = 0.5;  // above it: a round robot does not tell its front
      this.heading.scale.setScalar(0.6);
      this.urdf = robot;
      this.turn(this.turns.show(performance.now()));
      this.dirty = true;
    } catch (error) {
      console.warn('This robot_description cannot be drawn:', error);
    }
  }

  private onJoints(at: Record<string, number | null>): void {
    const known = Object.entries(at).filter((each): each is [string, number] => each[1] !== null);
    this.joints = known.map(([name]) => name);
    this.turns.aim(known.map(([, value]) => value), performance.now());
    const arm = Object.keys(at).length > 4;
    if (arm && !this.arm) {
      this.arm = true;
      this.heading.visible = false;
      this.look(false);
    }
    this.dirty = true;
  }

  // The path of a base that drives as predicted: forward [m/s] and turn [rad/s].
  private onChunk(news: Record<string, any>): void {
    const forward = this.hello.action.findIndex((each) => each.name.endsWith('linear.x'));
    const turn = this.hello.action.findIndex((each) => each.name.endsWith('angular.z'));
    const points: number[] = [], colours: number[] = [];
    const actions = news.actions as number[][];
    if (news.active && forward >= 0 && turn >= 0) {
      let [x, y, yaw] = this.here;
      actions.forEach((action, i) => {
        points.push(x, y, 0.05);
        colours.push(1, 0.8, 0.2, 1 - i / actions.length);
        yaw += action[turn]! * news.period;
        x += action[forward]! * news.period * Math.cos(yaw);
        y += action[forward]! * news.period * Math.sin(yaw);
      });
    }
    this.ahead.geometry.setAttribute('color', new THREE.Float32BufferAttribute(colours, 4));
    this.draws(this.ahead, points);
  }

  private draws(thing: THREE.Points | THREE.Line, points: number[]): void {
    const old = thing.geometry.getAttribute('position') as THREE.BufferAttribute | undefined;
    if (old && old.count * 3 === points.length) {
      old.copyArray(points);
      old.needsUpdate = true;
    } else {
      const made = new THREE.BufferGeometry();
      const colour = thing.geometry.getAttribute('color');
      if (colour) made.setAttribute('color', colour);
      made.setAttribute('position', new THREE.Float32BufferAttribute(points, 3));
      thing.geometry.dispose();
      thing.geometry = made;
    }
    this.dirty = true;
  }
}

function cloud(color: number): THREE.Points {
  const points = new THREE.Points(new THREE.BufferGeometry(),
    new THREE.PointsMaterial({color, size: 4, sizeAttenuation: false}));
  points.frustumCulled = false;
  return points;
}

function line(color: number): THREE.Line {
  const made = new THREE.Line(new THREE.BufferGeometry(), new THREE.LineBasicMaterial({color}));
  made.frustumCulled = false;
  return made;
}

function grid(): THREE.GridHelper {
  const made = new THREE.GridHelper(40, 40, 0x555555, 0x333333);
  made.rotation.x = Math.PI / 2;
  made.position.z = -0.02;
  return made;
}

function marker(): THREE.Mesh {
  const made = new THREE.Mesh(new THREE.ConeGeometry(0.15, 0.4, 16),
    new THREE.MeshLambertMaterial({color: 0xffd040}));
  made.rotation.z = -Math.PI / 2;
  made.position.z = 0.1;
  return made;
}
