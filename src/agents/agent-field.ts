import { Column, type ColumnType } from 'typeorm';

export interface AgentFieldDefinition {
  name: string;
  /** The value in a new agent that does not set the field. null: the field may be empty. */
  default: unknown;
}

/** The fields of `AgentConfiguration`, in the order of their declaration. */
export const AGENT_FIELDS: AgentFieldDefinition[] = [];

/**
 * A field of an agent, declared once: `request` checks and documents it, `column` stores it (its name in snake case), and
 * `default` is its value in a new agent.
 */
export function AgentField(
  request: PropertyDecorator,
  stored: { column: ColumnType; array?: boolean; default: unknown },
): PropertyDecorator {
  return (target, property) => {
    const name = String(property);
    request(target, property);
    Column({
      type: stored.column,
      name: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      nullable: stored.default === null,
      array: stored.array ?? false,
    })(target, property);
    AGENT_FIELDS.push({ name, default: stored.default });
  };
}
