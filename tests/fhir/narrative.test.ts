import { describe, expect, test } from 'vitest';
import { narrativeFaults } from '../../server/fhir/narrative.ts';

const div = (inner: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;

const sound = [
  'plain',
  'a &amp; b &lt; c &#233;',
  '<p class="x" style="color: red"><b>bold</b><br/></p>',
  '<table border="1"><tbody><tr><td colspan="2">1</td></tr></tbody></table>',
  '<a href="https://example.org/x">out</a><a href="Patient/1">in</a><a name="here">anchor</a>',
  '<a href="mailto:a@example.org">write</a> <a href="#part">part</a>',
  '<img src="#photo" alt="photo"/>',
  '<img src="picture.png"/>',
  '<img src="data:image/png;base64,AAAA"/>',
  '<td style="background: url(data:image/png;base64,AAAA)">x</td>',
  '<!-- a comment -->text',
  '<img src="http://hl7.org/fhir/R4/help16.png" alt="help"/>',
  `${'<b>'.repeat(99)}deep${'</b>'.repeat(99)}`,
];

const refused: [inner: string, fault: string][] = [
  ['<script>alert(1)</script>', '<script> is not allowed'],
  ['<p onclick="x()">a</p>', 'attribute onclick'],
  ['<iframe src="x"/>a', '<iframe> is not allowed'],
  ['<form><input/></form>a', '<form> is not allowed'],
  ['<style>p { color: red }</style>', '<style> is not allowed'],
  ['<a href="javascript:x()">a</a>', 'href with javascript:'],
  ['<a href=" java&#10;script:x()">a</a>', 'href with javascript:'],
  ['<a href="data:text/html,x">a</a>', 'href with data:'],
  ['<a href="vbscript:x">a</a>', 'href with vbscript:'],
  ['<img src="http://example.org/track.gif"/>', 'image from elsewhere'],
  ['<img src="//example.org/track.gif"/>', 'image from elsewhere'],
  ['<img src="http://hl7.org/fhir/../x.php?track=1"/>', 'image from elsewhere'],
  ['<img src="http://hl7.org.example.org/fhir/help16.png"/>', 'image from elsewhere'],
  [`${'<b>'.repeat(100)}deep${'</b>'.repeat(100)}`, 'more than 100 elements'],
  ['<img src="data:image/svg+xml,x"/>', 'image from elsewhere'],
  ['<p style="background: url(http://example.org/x)">a</p>', 'image from elsewhere'],
  ['<p style="background: URL( \'//example.org/x\')">a</p>', 'image from elsewhere'],
  ['<p style="width: expression(x())">a</p>', 'a style that loads or runs'],
  ['<p style="background: \\75rl(x)">a</p>', 'a style that loads or runs'],
  ['<svg xmlns="http://www.w3.org/2000/svg"/>a', '<svg> is not allowed'],
  ['<p xmlns="urn:x">a</p>', 'xmlns is not'],
  ['<![CDATA[<img src=x onerror=x()>]]>', 'CDATA is refused'],
  ['<!--><img src=x onerror=x()>-->a', 'HTML would end early'],
  ['<?xml-stylesheet href="http://example.org"?>a', 'processing instruction'],
  ['a &nbsp; b', 'not well-formed'],
  ['<p>a', 'not well-formed'],
  ['<p id="a" id="b">a</p>', 'not well-formed'],
  [' \n <p/> ', 'txt-2'],
];

describe('narrativeFaults()', () => {
  test.each(sound)('accepts %s', (inner) => {
    expect(narrativeFaults(div(inner))).toEqual([]);
  });

  test.each(refused)('refuses %s', (inner, fault) => {
    expect(narrativeFaults(div(inner)).join('\n')).toContain(fault);
  });

  test.each([
    ['<div>a</div>', 'has no namespace'],
    ['<p xmlns="http://www.w3.org/1999/xhtml">a</p>', 'wrap the narrative in one <div>'],
    ['a text', 'not well-formed'],
    ['', 'not well-formed'],
    [`${div('a')}${div('b')}`, 'not well-formed'],
    [`<!DOCTYPE div>${div('a')}`, 'DOCTYPE'],
    [`<?xml version="1.0"?>${div('a')}`, 'XML declaration'],
    ['<x:div xmlns:x="http://www.w3.org/1999/xhtml">a</x:div>', 'is not allowed'],
  ])('refuses the document %s', (xhtml, fault) => {
    expect(narrativeFaults(xhtml).join('\n')).toContain(fault);
  });

  test('stops listing after five faults', () => {
    expect(narrativeFaults(div('<font>a</font>'.repeat(100)))).toHaveLength(5);
  });

  test('bears deep nesting and long text', () => {
    expect(narrativeFaults(div(`${'<p>'.repeat(20_000)}a${'</p>'.repeat(20_000)}`))).toEqual([
      expect.stringContaining('more than 100 elements'),
    ]);
    expect(narrativeFaults(div('x'.repeat(2_000_000)))).toEqual([]);
    const [fault] = narrativeFaults(div('x'.repeat(5_000_000)));
    expect(fault).toContain('longer than 4 MB');
  });
});
