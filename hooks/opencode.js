// Written by rwenv install: every call of a tool is judged before it runs. Take it away with rwenv install --agent opencode --uninstall.
import { spawnSync } from "node:child_process"

const HOOK = "@RWENV_HOOK@"

const judge = (tool, args, sessionID, cwd) => {
  const input = JSON.stringify({ tool, args, sessionID, cwd })
  const answer = spawnSync(HOOK, ["opencode"], { input, encoding: "utf8", timeout: 60000 })
  // Whatever goes wrong, the call does not run unjudged.
  if (answer.status !== 0 || answer.stdout !== "runs\n") throw new Error(answer.stderr || `rwenv: the guard could not be asked (${answer.error ?? answer.signal ?? answer.status})`)
}

// What a session is given when it is first heard of: words for the model, variables for its shells. Without them its calls are judged all the same.
const sessions = new Map()
const given = (sessionID, cwd) => {
  if (!sessions.has(sessionID)) {
    const input = JSON.stringify({ sessionID, cwd })
    const answer = spawnSync(HOOK, ["opencode", "session"], { input, encoding: "utf8", timeout: 30000 })
    let session = {}
    try {
      session = JSON.parse(answer.stdout) ?? session
    } catch {}
    sessions.set(sessionID, session)
  }
  return sessions.get(sessionID)
}

export const Rwenv = async ({ directory }) => ({
  "tool.execute.before": async (input, output) => {
    given(input.sessionID, directory)
    judge(input.tool, output.args, input.sessionID, output.args?.workdir ?? directory)
  },
  "shell.env": async (input, output) => void Object.assign(output.env, given(input.sessionID ?? "", directory).env),
  "experimental.chat.system.transform": async (input, output) => {
    const words = input.sessionID && given(input.sessionID, directory).context
    if (words) output.system.push(words)
  },
})
