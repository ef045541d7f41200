// Written by rwenv install: every call of a tool is judged before it runs. Take it away with rwenv install --agent opencode --uninstall.
import { spawnSync } from "node:child_process"

const HOOK = "@RWENV_HOOK@"

const judge = (tool, args, sessionID, cwd) => {
  const input = JSON.stringify({ tool, args, sessionID, cwd })
  const answer = spawnSync(HOOK, ["opencode"], { input, encoding: "utf8", timeout: 60000 })
  // Whatever goes wrong, the call does not run unjudged.
  if (answer.status !== 0 || answer.stdout !== "runs\n") throw new Error(answer.stderr || `rwenv: the guard could not be asked (${answer.error ?? answer.signal ?? answer.status})`)
}

export const Rwenv = async ({ directory }) => ({
  "tool.execute.before": async (input, output) => judge(input.tool, output.args, input.sessionID, output.args?.workdir ?? directory),
})
