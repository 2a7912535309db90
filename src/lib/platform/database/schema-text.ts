import { type DataSource } from 'typeorm';

/** SQL that returns statements, one `line` a row, in a stable order. */
const SECTIONS: readonly { title: string; sql: string }[] = [
  {
    title: 'Sequences',
    sql: `select format('create sequence %I;', c.relname) as line
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'public' and c.relkind = 'S'
            and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i'))
          order by c.relname`,
  },
  {
    title: 'Tables',
    sql: `select format(E'create %stable %I (\\n%s\\n)%s;',
            case c.relpersistence when 'u' then 'unlogged ' else '' end, c.relname, body.text,
            coalesce(format(' with (%s)', array_to_string(c.reloptions, ', ')), '')) as line
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          cross join lateral (
            select string_agg('  ' || part.text, E',\\n' order by part.kind, part.n, part.text) as text from (
              select 1 as kind, a.attnum::int as n, concat_ws(' ', quote_ident(a.attname),
                format_type(a.atttypid, a.atttypmod),
                case when a.attidentity <> '' then
                  format('generated %s as identity', case a.attidentity when 'a' then 'always' else 'by default' end) end,
                case when a.attgenerated = 's' then format('generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
                  when d.adbin is not null then 'default ' || pg_get_expr(d.adbin, d.adrelid) end,
                case when a.attnotnull then 'not null' end) as text
              from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
              union all
              select 2, 0, format('constraint %I %s', k.conname, pg_get_constraintdef(k.oid))
              from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n'
            ) part
          ) body
          where n.nspname = 'public' and c.relkind = 'r' order by c.relname`,
  },
  {
    title: 'Indexes',
    sql: `select pg_get_indexdef(i.indexrelid) || ';' as line
          from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'public' and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
          order by c.relname`,
  },
  {
    title: 'Views',
    sql: `select format(E'create view %I as\\n%s', c.relname, pg_get_viewdef(c.oid, true)) as line
          from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'public' and c.relkind = 'v' order by c.relname`,
  },
  {
    title: 'Functions',
    sql: `select rtrim(pg_get_functiondef(p.oid), E'\\n') || ';' as line
          from pg_proc p join pg_namespace n on n.oid = p.pronamespace
          where n.nspname = 'public' and p.prokind = 'f' order by p.proname, p.oid::regprocedure::text`,
  },
  {
    title: 'Triggers',
    sql: `select pg_get_triggerdef(t.oid) || ';' as line
          from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
          where n.nspname = 'public' and not t.tgisinternal order by c.relname, t.tgname`,
  },
];

/** The schema `public` as statements, read from the catalogue: the text of `schema.sql`. */
export async function schemaText(dataSource: Pick<DataSource, 'query'>): Promise<string> {
  const parts = ['-- The present schema, generated from the catalogue by `npm run generate`. Migrations make it.'];
  for (const { title, sql } of SECTIONS) {
    const rows: { line: string }[] = await dataSource.query(sql);
    if (rows.length > 0) parts.push(`-- ${title}`, ...rows.map(({ line }) => line));
  }
  return `${parts.join('\n\n')}\n`;
}
