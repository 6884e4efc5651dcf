// JupyterLab on a copy of the notebooks, in a world of its own: no settings of the user's, no way out of this machine.
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const JUPYTER = process.env.JUPYTER, NOWHERE = "http://127.0.0.1:9";

export class Jupyter {
  constructor(notebooks) {
    this.home = mkdtempSync(join(tmpdir(), "browser-test-"));
    this.folder = join(this.home, "notebooks");
    cpSync(notebooks, this.folder, { recursive: true });
    const own = name => join(this.home, name);
    this.env = {
      ...process.env, OMP_NUM_THREADS: "1",
      http_proxy: NOWHERE, https_proxy: NOWHERE, HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE, no_proxy: "127.0.0.1",
      JUPYTER_CONFIG_DIR: own("config"), JUPYTER_DATA_DIR: own("data"), JUPYTER_RUNTIME_DIR: own("runtime"),
      JUPYTERLAB_SETTINGS_DIR: own("settings"), JUPYTERLAB_WORKSPACES_DIR: own("workspaces"), IPYTHONDIR: own("ipython"),
    };
    const settings = join(own("settings"), "@jupyterlab", "apputils-extension");
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, "notification.jupyterlab-settings"), '{"fetchNews": "false", "checkForUpdates": false}');
  }

  async start() {
    const port = await freePort();
    const options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", `--port=${port}`, "--ServerApp.port_retries=0"];
    options.push("--IdentityProvider.token=", "--expose-app-in-browser", `--ServerApp.root_dir=${this.folder}`);
    this.log = "";
    this.server = spawn(JUPYTER, ["lab", ...options], { env: this.env });
    for (const stream of [this.server.stdout, this.server.stderr]) stream.on("data", text => (this.log += text));
    this.url = `http://127.0.0.1:${port}`;
    for (let tries = 0; tries < 240; tries++) {
      if (this.server.exitCode !== null) break;
      if (await fetch(`${this.url}/api/status`).then(answer => answer.ok, () => false)) return;
      await new Promise(resolve => setTimeout(resolve, 250));
    }
    throw new Error(`JupyterLab did not start:\n${this.log}`);
  }

  page(name) {
    return `${this.url}/lab/workspaces/${name}/tree/${name}.ipynb?reset`;
  }

  // The notebooks as they lie there, as web pages: {name: path}.
  async convert(names) {
    const out = join(this.home, "html"), files = names.map(name => join(this.folder, `${name}.ipynb`));
    const options = ["nbconvert", "--to", "html", "--output-dir", out, "--log-level=ERROR"];
    await promisify(execFile)(JUPYTER, [...options, ...files], { env: this.env });
    return Object.fromEntries(names.map(name => [name, join(out, `${name}.html`)]));
  }

  async stop() {
    if (this.server?.exitCode === null) {
      const ended = new Promise(resolve => this.server.on("exit", resolve));
      this.server.kill("SIGTERM");
      await ended;
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}

function freePort() {
  return new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
