// An MCP server over stdio that stands in for others: each of its tools writes down that it was called, and does nothing.
import { appendFileSync } from "node:fs"
import { createInterface } from "node:readline"

const [, , record, ...names] = process.argv
const tools = names.map(name => ({
  name,
  description: `Stands in for ${name}`,
  inputSchema: { type: "object", properties: { name: { type: "string" }, command: { type: "string" } } },
}))

const answer = ({ method, params }) => {
  switch (method) {
    case "initialize":
      return { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "stand-in", version: "1" } }
    case "tools/list":
      return { tools }
    case "tools/call":
      appendFileSync(record, `${params.name} ${JSON.stringify(params.arguments)}\n`)
      return { content: [{ type: "text", text: `done ${params.name}` }] }
    default:
      return {}
  }
}

createInterface({ input: process.stdin }).on("line", line => {
  const message = JSON.parse(line)
  if (message.id !== undefined) {
    process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: answer(message) }) + "\n")
  }
})
